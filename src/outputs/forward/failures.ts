/** What is to be done where a server of the forward output cannot be reached, or is another than was expected. */
import { errorText, systemCode } from '../../core/errors.ts';

const trust = 'name its issuer in tls_cert_path';
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check host and port of <server>, and that it runs',
  ECONNRESET: 'check that this port takes the forward protocol, and whether it speaks TLS',
  ENOTFOUND: 'no such host: check host of <server>',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'there is no way to it: check the network and firewalls',
  ENETUNREACH: 'there is no way to it: check the network and firewalls',
  ETIMEDOUT: 'it does not answer: check host and port of <server>, and firewalls',
  DEPTH_ZERO_SELF_SIGNED_CERT: `${trust}, or set tls_allow_self_signed_cert true`,
  SELF_SIGNED_CERT_IN_CHAIN: trust,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trust,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trust,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for another name: check name of <server>, or set tls_verify_hostname false',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};
const adviceByText: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long|unexpected message/,
    'this port does not speak TLS: leave transport tls out',
  ],
  [
    /alert number 116|certificate required/,
    'it wants a certificate: set tls_client_cert_path and tls_client_private_key_path',
  ],
  [
    /unsupported protocol|alert number 70|alert protocol version/,
    'it speaks another version of TLS: check tls_version',
  ],
  [/^connecting: nothing happened/, 'it does not answer: check host and port of <server>, and firewalls'],
  [
    /^waiting for (?:HELO|PONG)/,
    'check that the server has a shared_key, and whether this port speaks TLS (transport tls)',
  ],
];

/** What happened, and what to do about it where that is known. */
export function connectProblem(error: unknown): Error {
  const text = errorText(error);
  const codes = [error, error instanceof Error ? error.cause : undefined].map(systemCode);
  const byCode = codes.map((code) => advice[code ?? '']).find((found) => found !== undefined);
  const found = byCode ?? adviceByText.find(([pattern]) => pattern.test(text))?.[1];
  return found === undefined || text.includes(';') ? asError(error) : new Error(`${text}; ${found}`, { cause: error });
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(errorText(error)));
