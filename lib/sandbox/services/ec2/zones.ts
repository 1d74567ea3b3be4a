/** Regions and their availability zones ("AWS Regions and Availability Zones"). */

const zoneLetters: Readonly<Record<string, string>> = {
  'us-east-1': 'abcdef',
  'us-east-2': 'abc',
  'us-west-1': 'ab',
  'us-west-2': 'abcd',
  'ap-northeast-1': 'acd',
  'ap-northeast-2': 'abcd',
  'ap-northeast-3': 'abc',
  'ap-south-1': 'abc',
  'ap-southeast-1': 'abc',
  'ap-southeast-2': 'abc',
  'ca-central-1': 'abd',
  'eu-central-1': 'abc',
  'eu-north-1': 'abc',
  'eu-west-1': 'abc',
  'eu-west-2': 'abc',
  'eu-west-3': 'abc',
  'sa-east-1': 'abc',
};

/** The Regions that every AWS account has enabled. */
export const regionNames = Object.keys(zoneLetters);

/** `us-east-1` → `us-east-1a`, `us-east-1b`, …; what `Fn::GetAZs` returns. */
export function availabilityZonesOf(region: string): string[] {
  return (zoneLetters[region] ?? 'abc').split('').map((letter) => region + letter);
}

/** `us-east-1b` → `use1-az2`. */
export function zoneIdOf(zone: string): string {
  const region = zone.slice(0, -1);
  const [area = '', direction = '', number = ''] = region.split('-');
  const compass = (direction.match(/north|south|east|west|central/g) ?? []).map((word) => word.charAt(0));
  return `${area}${compass.join('')}${number}-az${availabilityZonesOf(region).indexOf(zone) + 1}`;
}
