import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** PEM texts, as node:tls takes them. */
export interface ListenerCertificate {
  readonly key: string;
  readonly cert: string;
}

/** "Certificate has no well-defined expiration date" (RFC 5280, section 4.1.2.5): it ends with the process. */
const notAfter = new Date('9999-12-31T23:59:59Z');

/**
 * A key that this process alone has ever held, and a certificate that the key itself signed (ECDSA, P-256), for the TLS
 * between the load balancer and the app. Nothing vouches for it and nothing checks it: an Application Load Balancer does
 * not validate the certificates of its targets ("Target groups for your Application Load Balancers"). Who may connect is
 * decided by security groups; this keeps what passes between the two from being read on the way.
 */
export async function listenerCertificate(): Promise<ListenerCertificate> {
  x509.cryptoProvider.set(webcrypto);
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: 'CN=practice-app',
    notBefore: new Date(),
    notAfter,
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: x509.PemConverter.encode(key, 'PRIVATE KEY'), cert: certificate.toString('pem') };
}
