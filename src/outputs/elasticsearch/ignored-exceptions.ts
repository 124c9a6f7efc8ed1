/**
 * `ignore_exceptions`: classes of Ruby that stand for what can happen to a request. Source: elastic-transport 8 and
 * elasticsearch-transport 7, errors.rb; Faraday and Excon.
 */

/** `any`: whatever the status; `none`: no answer came. */
export type Ignored = ReadonlySet<number | 'any' | 'none'>;

const byName: Readonly<Record<string, readonly (number | 'any' | 'none')[]>> = {
  StandardError: ['any', 'none'],
  Exception: ['any', 'none'],
  Error: ['any'],
  ServerError: ['any'],
  HTTPStatus: ['any'],
  BadRequest: [400],
  Unauthorized: [401],
  Forbidden: [403],
  NotFound: [404],
  MethodNotAllowed: [405],
  NotAcceptable: [406],
  RequestTimeout: [408],
  Conflict: [409],
  Gone: [410],
  RequestEntityTooLarge: [413],
  UnsupportedMediaType: [415],
  UnprocessableEntity: [422],
  TooManyRequests: [429],
  InternalServerError: [500],
  NotImplemented: [501],
  BadGateway: [502],
  ServiceUnavailable: [503],
  GatewayTimeout: [504],
  ClientError: ['none'],
  ConnectionFailed: ['none'],
  TimeoutError: ['none'],
  SSLError: ['none'],
  Timeout: ['none'],
  Socket: ['none'],
  SocketError: ['none'],
  ECONNREFUSED: ['none'],
  ECONNRESET: ['none'],
  EHOSTUNREACH: ['none'],
  ETIMEDOUT: ['none'],
};

/** Statuses that the classes stand for, by their last name; what is not known stands for nothing, as a class that is not there. */
export function ignoredStatuses(classes: readonly string[]): Ignored {
  return new Set(classes.flatMap((name) => byName[name.split('::').at(-1) ?? ''] ?? []));
}

/** `status` undefined: no answer came. */
export function givesUp(ignored: Ignored, status: number | undefined): boolean {
  if (status === undefined) return ignored.has('none');
  return ignored.has('any') || ignored.has(status);
}
