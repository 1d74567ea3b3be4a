/** Who works in the practice and how they sign in. Secrets are kept as hashes, or encrypted by the app (`totp_secret`). */
export const staff = {
  number: 3,
  name: 'staff',
  sql: `
CREATE TABLE staff (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  name text,
  role text NOT NULL,
  status text NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
  password_hash text,
  totp_secret bytea,
  -- The newest time step whose code was used: a code works once.
  totp_step bigint,
  created_at timestamptz(3) NOT NULL,
  CHECK (status <> 'active' OR (name IS NOT NULL AND password_hash IS NOT NULL))
);

-- One-time links, known by the SHA-256 of their token.
CREATE TABLE staff_link (
  token_hash bytea PRIMARY KEY,
  staff_id uuid NOT NULL REFERENCES staff,
  created_by uuid NOT NULL REFERENCES staff,
  expires_at timestamptz(3) NOT NULL,
  used_at timestamptz(3)
);
CREATE INDEX ON staff_link (staff_id);

CREATE TABLE backup_code (
  staff_id uuid NOT NULL REFERENCES staff,
  code_hash bytea NOT NULL,
  used_at timestamptz(3),
  PRIMARY KEY (staff_id, code_hash)
);

-- Between the password and the second factor. Gives access to nothing.
CREATE TABLE pending_sign_in (
  id uuid PRIMARY KEY,
  token_hash bytea NOT NULL UNIQUE,
  staff_id uuid NOT NULL REFERENCES staff,
  -- The secret that is being enrolled; the member's own only when a code has proved it.
  totp_secret bytea,
  -- A signed-in member who sets another authenticator up.
  renewing boolean NOT NULL,
  expires_at timestamptz(3) NOT NULL
);

CREATE TABLE session (
  id_hash bytea PRIMARY KEY,
  staff_id uuid NOT NULL REFERENCES staff,
  address text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  last_seen_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3)
);
CREATE INDEX ON session (staff_id);

-- What the limits on guessing count. The account is the SHA-256 of what was typed, which may be a password by mistake.
CREATE TABLE sign_in_attempt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bytea NOT NULL,
  address text NOT NULL,
  at timestamptz(3) NOT NULL
);
CREATE INDEX ON sign_in_attempt (at);
`,
};
