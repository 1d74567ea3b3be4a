/** For acts that must not overlap: each begins when the one before is over. That one failed is told to whoever asked for it, and to nobody else. */
export function oneByOne(): (act: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (act) => {
    last = last.catch(() => undefined).then(act);
    return last;
  };
}
