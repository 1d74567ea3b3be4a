/** Structured logging, as the core asks for it; pino's logger is one. Fields never hold a secret or a practice's data. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
