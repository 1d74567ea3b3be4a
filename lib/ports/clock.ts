/** The time, as the core asks for it. Tests and simulations bring their own. */
export interface Clock {
  now(): Date;
}
