/**
 * `node:tls` and `node:https`, loaded when somebody speaks TLS: an import would load them, and half of Node's cryptography, in
 * each collector that sends in the clear, 2 MB of memory at rest (Node 24, measured).
 */
import type * as Https from 'node:https';
import type * as Tls from 'node:tls';

export const tls = (): typeof Tls => process.getBuiltinModule('node:tls');
export const https = (): typeof Https => process.getBuiltinModule('node:https');
