/**
 * The role that requests run as. It owns nothing, and has of each table what the app does with it and no more: it can
 * neither change nor remove an audit event or a note, nor make or drop anything.
 *
 * On RDS it signs in with an IAM token only: a member of rds_iam has no use for a password, and none is set. A plain
 * PostgreSQL has no such role, and lets it in as its own rules say.
 */
export const appRole = {
  number: 5,
  name: 'app-role',
  sql: `
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'practice_app') THEN
    CREATE ROLE practice_app LOGIN NOCREATEDB NOCREATEROLE;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
    GRANT rds_iam TO practice_app;
  END IF;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO practice_app', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO practice_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;

GRANT SELECT, INSERT ON audit_event, note TO practice_app;
GRANT SELECT, INSERT, UPDATE (name, date_of_birth) ON client TO practice_app;
GRANT SELECT, INSERT, UPDATE (name, role, status, password_hash, totp_secret, totp_step) ON staff TO practice_app;
GRANT SELECT, INSERT, UPDATE (used_at) ON staff_link TO practice_app;
GRANT SELECT, INSERT, DELETE, UPDATE (used_at) ON backup_code TO practice_app;
GRANT SELECT, INSERT, DELETE, UPDATE (totp_secret) ON pending_sign_in TO practice_app;
GRANT SELECT, INSERT, UPDATE (last_seen_at, ended_at) ON session TO practice_app;
GRANT SELECT, INSERT, DELETE ON sign_in_attempt TO practice_app;
`,
};
