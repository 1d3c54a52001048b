// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import serveStatic from 'serve-static';

/** The peer of the datastore: Express with serve-static as their documentation shows them. */
const [root = '.', port = '0'] = process.argv.slice(2);
const app = express();
app.use(serveStatic(root));
app.listen(Number(port), '127.0.0.1');
