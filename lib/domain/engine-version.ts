/** RDS may raise a database's minor version in a maintenance window ("autoMinorVersionUpgrade"); it never lowers it. */
export function isSameOrLaterMinor(found: string, pinned: string): boolean {
  const [major, minor = 0] = found.split('.').map(Number);
  const [pinnedMajor, pinnedMinor = 0] = pinned.split('.').map(Number);
  return major === pinnedMajor && minor >= pinnedMinor;
}
