import { createPrivateKey, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
// The certificate library wants this polyfill before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365 * 24 * 3600 * 1000;

export interface ServerCertificate {
  /** PEM: the server's certificate. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

export interface CertificateAuthority {
  /** PEM file, for NODE_EXTRA_CA_CERTS, PGSSLROOTCERT and their like. */
  readonly certificatePath: string;
  /** A certificate for these host names and addresses, good for a year. Its key exists in memory only. */
  issue(names: readonly string[]): Promise<ServerCertificate>;
}

/**
 * The sandbox's own authority, in the place of the one behind the RDS certificate bundle ("Using SSL/TLS to encrypt a
 * connection to a DB instance"). Made once; `authority.key` is readable by its owner only.
 */
export async function openCertificateAuthority(directory: string): Promise<CertificateAuthority> {
  x509.cryptoProvider.set(webcrypto);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const certificatePath = join(directory, 'authority.pem');
  const keyPath = join(directory, 'authority.key');
  // The certificate is moved into place last: with it there, the key is there too.
  if (!existsSync(certificatePath)) await makeAuthority(certificatePath, keyPath);
  const authority = new x509.X509Certificate(readFileSync(certificatePath, 'utf8'));
  const signingKey = await importPrivateKey(readFileSync(keyPath, 'utf8'));
  return { certificatePath, issue: (names) => issue(authority, signingKey, names) };
}

async function makeAuthority(certificatePath: string, keyPath: string): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Lumenality sandbox authority',
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(10),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  writeFileSync(keyPath, await exportPrivateKey(keys.privateKey), { mode: 0o600 });
  writeFileSync(`${certificatePath}.new`, certificate.toString('pem'));
  renameSync(`${certificatePath}.new`, certificatePath);
}

async function issue(
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  names: readonly string[],
): Promise<ServerCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? 'localhost'}`,
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    ...validity(1),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority, false),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportPrivateKey(keys.privateKey) };
}

/** An hour back: clocks of a host and its containers differ. */
function validity(years: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + years * YEAR_MS) };
}

async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
