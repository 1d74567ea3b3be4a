import type { SignUpRequest } from '../../lib/domain/sign-up.ts';
import { isNpi } from '../../lib/domain/sign-up.ts';

let issued = 0;

/** An NPI that no other call in this process got, with a right check digit. */
export function freshNpi(): string {
  issued += 1;
  const nine = String(100_000_000 + issued);
  const digit = Array.from({ length: 10 }, (_, digit) => String(digit)).find((candidate) =>
    isNpi(nine + candidate),
  );
  return `${nine}${digit}`;
}

/** A sign-up that is accepted as it stands. */
export function signUpRequest(changes: Partial<SignUpRequest> = {}): SignUpRequest {
  return {
    legalName: 'Harbor Speech and Language LLC',
    displayName: 'Harbor Speech',
    disciplines: ['speech'],
    npi: freshNpi(),
    contact: { name: 'Robin Vale', email: 'robin@harbor-speech.example.com', phone: '+12065550123' },
    usState: 'WA',
    timeZone: 'America/Los_Angeles',
    clinicianCount: 4,
    plan: 'founding',
    agreement: { acceptedBy: 'Robin Vale', acceptedAt: '2026-01-05T17:00:00Z', version: '2026-01' },
    ...changes,
  };
}
