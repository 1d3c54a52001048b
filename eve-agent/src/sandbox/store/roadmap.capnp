# SPDX-License-Identifier: Apache-2.0
# The key-value store between priv and a calf. Request and Response with the members up to `delete` and `error` are
# those of MirageSDK's roadmap, bit by bit; what follows them is ours. On the stream each message stands after its
# length in bytes (UInt32, little endian); it has one segment, and at most 64 KiB.
@0x9e83562906de8259;

struct Request {
  id   @0 :Int32;
  path @1 :List(Text);
  union {
    write   @2 :Data;
    read    @3 :Void;
    delete  @4 :Void;
    # The path is a pattern: "*" for one component, "**" at the end for one or more. The keys that are there come as
    # events with this id, then `ok`, then changes as events.
    watch   @5 :Void;
    # Ends the watch of this id. The path is empty. The answer is the last message with the id.
    unwatch @6 :Void;
  }
}

struct Response {
  id @0 :Int32;
  union {
    ok    @1 :Data;
    # A code: DENIED, NOT_FOUND, TOO_LARGE, QUOTA, MALFORMED, BUSY.
    error @2 :Data;
    event @3 :Event;
  }
}

struct Event {
  # Counts the events of one watch, from 1.
  seq  @0 :UInt32;
  path @1 :List(Text);
  union {
    value   @2 :Data;
    deleted @3 :Void;
    # The watch is over; a code, as of an error. The path is empty.
    lost    @4 :Data;
  }
}
