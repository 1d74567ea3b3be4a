/**
 * Which of the owners' links were taken, so that none is ever taken again: the task definition goes on naming the last one.
 * And the app says of an audit event what happened, while the database alone says when, and in which order.
 */
export const ownerLink = {
  number: 6,
  name: 'owner-link',
  sql: `
CREATE TABLE owner_link (
  token_hash bytea PRIMARY KEY,
  -- Nobody known: taken before this table was there.
  staff_id uuid REFERENCES staff,
  taken_at timestamptz(3) NOT NULL
);
CREATE TRIGGER owner_link_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON owner_link
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON owner_link TO practice_app;

REVOKE INSERT ON audit_event FROM practice_app;
GRANT INSERT (actor, action, release_id, record_type, record_id, address, details) ON audit_event TO practice_app;
`,
};
