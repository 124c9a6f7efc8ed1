/**
 * `node:http`, not imported: an import reads every export of it, and the one called WebSocket loads an HTTP client and its
 * parser in WebAssembly that nobody here uses, 14 MB and 70 ms of CPU at the start (Node 24, measured).
 */
export const http = process.getBuiltinModule('node:http');
