/**
 * The practice's clients and the notes on them. What identifies or describes a person is ciphertext that only the app
 * can read, under the practice's KMS key; ids are random, so an address in a log identifies nobody.
 */
export const records = {
  number: 4,
  name: 'records',
  sql: `
CREATE TABLE client (
  id uuid PRIMARY KEY,
  name bytea NOT NULL,
  date_of_birth bytea NOT NULL,
  created_at timestamptz(3) NOT NULL,
  created_by uuid NOT NULL REFERENCES staff
);
CREATE INDEX ON client (created_at, id);

-- A note is never changed: a correction is another note that amends it.
CREATE TABLE note (
  id uuid PRIMARY KEY,
  -- The order of writing, which the clock alone does not tell.
  position bigint NOT NULL UNIQUE GENERATED ALWAYS AS IDENTITY,
  client_id uuid NOT NULL REFERENCES client,
  author_id uuid NOT NULL REFERENCES staff,
  amends uuid,
  text bytea NOT NULL,
  created_at timestamptz(3) NOT NULL,
  UNIQUE (id, client_id),
  FOREIGN KEY (amends, client_id) REFERENCES note (id, client_id)
);
CREATE INDEX ON note (client_id, position);
CREATE TRIGGER note_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON note
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE audit_event
  ADD COLUMN record_type text,
  ADD COLUMN record_id uuid,
  ADD COLUMN address text;
CREATE INDEX ON audit_event (record_id) WHERE record_id IS NOT NULL;
`,
};
