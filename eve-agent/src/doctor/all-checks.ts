// SPDX-License-Identifier: Apache-2.0
import type { Check } from './check.ts';
import { acceptRangesCheck } from './checks/accept-ranges.ts';
import { addressCheck } from './checks/address.ts';
import { advertisementCheck } from './checks/advertisement.ts';
import { answerCheck } from './checks/answer.ts';
import { bridgesCheck } from './checks/bridges.ts';
import { clockCheck } from './checks/clock.ts';
import { compressionCheck } from './checks/compression.ts';
import { conflictCheck } from './checks/conflict.ts';
import { connectionCheck } from './checks/connection.ts';
import { digestCheck } from './checks/digest.ts';
import { httpStatusCheck } from './checks/http-status.ts';
import { imageCheck } from './checks/image.ts';
import { instancesCheck } from './checks/instances.ts';
import { multicastCheck } from './checks/multicast.ts';
import { nameCaseCheck } from './checks/name-case.ts';
import { rangesCheck } from './checks/ranges.ts';
import { sizeCheck } from './checks/size.ts';
import { stockEveCheck } from './checks/stock-eve.ts';
import { strictParserCheck } from './checks/strict-parser.ts';
import { substringCheck } from './checks/substring.ts';
import { tlsChainCheck } from './checks/tls-chain.ts';
import { tlsNameCheck } from './checks/tls-name.ts';
import { urlFormCheck } from './checks/url-form.ts';
import { validatorsCheck } from './checks/validators.ts';

/** Every check, in the order in which a download would come upon what it is about. */
export const CHECKS: readonly Check[] = [
  urlFormCheck,
  bridgesCheck,
  multicastCheck,
  answerCheck,
  addressCheck,
  conflictCheck,
  nameCaseCheck,
  substringCheck,
  advertisementCheck,
  instancesCheck,
  strictParserCheck,
  connectionCheck,
  tlsChainCheck,
  tlsNameCheck,
  imageCheck,
  httpStatusCheck,
  compressionCheck,
  rangesCheck,
  acceptRangesCheck,
  validatorsCheck,
  clockCheck,
  sizeCheck,
  digestCheck,
  stockEveCheck,
];

/** What only stock EVE would come upon, which pulls from no registry on `.local`. */
const OF_STOCK_EVE: readonly Check[] = [
  ...[nameCaseCheck, substringCheck, advertisementCheck, instancesCheck, strictParserCheck],
  ...[acceptRangesCheck, validatorsCheck, stockEveCheck],
];

/** The checks of files. */
export const FILE_CHECKS = CHECKS.filter((check) => check !== imageCheck);
/** The checks of images in registries. */
export const IMAGE_CHECKS = CHECKS.filter((check) => !OF_STOCK_EVE.includes(check));
