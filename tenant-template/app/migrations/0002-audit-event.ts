/** Who did what. Rows are added, and never changed or removed (45 CFR 164.312(b)). */
export const auditEvent = {
  number: 2,
  name: 'audit-event',
  sql: `
CREATE TABLE audit_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  release_id text NOT NULL,
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE TRIGGER audit_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM PUBLIC, CURRENT_USER;
`,
};
