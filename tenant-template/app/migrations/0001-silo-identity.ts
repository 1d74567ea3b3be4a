/** Whose database this is. One row, written by the first start, never changed. */
export const siloIdentity = {
  number: 1,
  name: 'silo-identity',
  sql: `
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TABLE silo_identity (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  practice_id text NOT NULL,
  key_arn text NOT NULL,
  wrapped_data_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER silo_identity_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON silo_identity
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON silo_identity FROM PUBLIC, CURRENT_USER;
`,
};
