import type { ColumnType } from 'kysely';

/** `timestamptz`: read as Date, written as Date. */
export type Time = ColumnType<Date, Date, Date>;
export type NullableTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
export type NullableText = ColumnType<string | null, string | null | undefined, string | null>;
/** `jsonb`: written as JSON text (`toJson`), read as the value. */
export type Json<T> = ColumnType<T, string, string>;
export type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
