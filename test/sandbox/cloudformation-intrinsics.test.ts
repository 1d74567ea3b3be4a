import { mentions } from '../../lib/sandbox/cloudformation/graph.ts';
import {
  evaluate,
  evaluateCondition,
  noValue,
  type Scope,
  Unresolved,
} from '../../lib/sandbox/cloudformation/intrinsics.ts';
import { conform, recreationOf } from '../../lib/sandbox/cloudformation/specification.ts';
import { parseTemplate } from '../../lib/sandbox/cloudformation/template.ts';

const parameters: Readonly<Record<string, unknown>> = {
  Name: 'maple',
  Subnets: ['subnet-a', 'subnet-b'],
  MultiAz: 'true',
  'AWS::Region': 'eu-central-1',
  'AWS::NoValue': noValue,
};

const scope: Scope = {
  template: parseTemplate(
    JSON.stringify({
      Mappings: { Sizes: { small: { Cpu: '256' } } },
      Resources: { Key: { Type: 'AWS::KMS::Key' } },
    }),
  ),
  parameter: (name) => parameters[name],
  condition: (name) => name === 'Yes',
  reference: (logicalId) =>
    logicalId === 'Later' ? new Unresolved('ResourceReference', 'Later') : `id-of-${logicalId}`,
  attribute: (logicalId, attribute) => `${logicalId}/${attribute}`,
  importValue: (name) => `imported ${name}`,
  availabilityZones: (region) => [`${region}a`, `${region}b`],
};

describe('intrinsic functions', () => {
  it.each<[object, unknown]>([
    [{ Ref: 'Name' }, 'maple'],
    [{ Ref: 'Key' }, 'id-of-Key'],
    [{ 'Fn::GetAtt': ['Key', 'Arn'] }, 'Key/Arn'],
    [{ 'Fn::GetAtt': 'Database.Endpoint.Address' }, 'Database/Endpoint.Address'],
    [{ 'Fn::Sub': '${Name}-${Key.Arn}-${!Literal}-${AWS::Region}' }, 'maple-Key/Arn-${Literal}-eu-central-1'],
    [{ 'Fn::Sub': ['${Own}/${Name}', { Own: { Ref: 'Key' } }] }, 'id-of-Key/maple'],
    [{ 'Fn::Join': [',', { Ref: 'Subnets' }] }, 'subnet-a,subnet-b'],
    [{ 'Fn::Join': ['', ['a', { Ref: 'Name' }, 1]] }, 'amaple1'],
    [{ 'Fn::Select': ['1', { Ref: 'Subnets' }] }, 'subnet-b'],
    [{ 'Fn::Split': [',', 'a,b'] }, ['a', 'b']],
    [{ 'Fn::Select': [0, { 'Fn::GetAZs': '' }] }, 'eu-central-1a'],
    [{ 'Fn::GetAZs': 'us-east-1' }, ['us-east-1a', 'us-east-1b']],
    [{ 'Fn::Cidr': ['10.0.0.0/16', 3, 8] }, ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']],
    [{ 'Fn::Cidr': ['192.168.255.0/24', '2', '4'] }, ['192.168.255.0/28', '192.168.255.16/28']],
    [{ 'Fn::FindInMap': ['Sizes', 'small', 'Cpu'] }, '256'],
    [{ 'Fn::Base64': 'héllo' }, 'aMOpbGxv'],
    [{ 'Fn::If': ['Yes', 'then', { Ref: 'Nobody' }] }, 'then'],
    [{ 'Fn::If': ['No', 'then', 'else'] }, 'else'],
    [{ 'Fn::ImportValue': { 'Fn::Sub': '${Name}-key' } }, 'imported maple-key'],
    [{ a: { 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, b: [1, { Ref: 'AWS::NoValue' }] }, { b: [1] }],
    // An object with a second key is no function.
    [
      { Ref: 'Name', Other: 1 },
      { Ref: 'Name', Other: 1 },
    ],
  ])('%j', (value, expected) => {
    expect(evaluate(value, scope)).toEqual(expected);
  });

  it.each<[object, string]>([
    [{ 'Fn::Select': [2, { Ref: 'Subnets' }] }, 'Fn::Select cannot select nonexistent value at index 2'],
    [{ 'Fn::FindInMap': ['Sizes', 'large', 'Cpu'] }, 'Unable to get mapping for Sizes::large::Cpu'],
    [{ 'Fn::Cidr': ['10.0.0.0/24', 2, 8] }, 'do not fit'],
    [{ 'Fn::GetAtt': ['Key'] }, 'Fn::GetAtt object requires two'],
    [{ 'Fn::Transform': {} }, 'does not support the function Fn::Transform'],
    [{ 'Fn::Equals': ['a', 'a'] }, 'can only be used in conditions'],
    [{ 'Fn::Join': [',', 'text'] }, 'list of strings'],
    [{ 'Fn::Sub': '${Subnets}' }, 'Fn::Sub expects text'],
    [{ a: null }, "'null' values are not allowed"],
  ])('refuses %j', (value, message) => {
    expect(() => evaluate(value, scope)).toThrow(message);
  });

  it.each<[object, boolean]>([
    [{ 'Fn::Equals': [{ Ref: 'MultiAz' }, 'true'] }, true],
    [{ 'Fn::Equals': [{ Ref: 'MultiAz' }, true] }, true],
    [{ 'Fn::Not': [{ Condition: 'Yes' }] }, false],
    [{ 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Equals': ['a', 'b'] }] }, false],
    [{ 'Fn::Or': [{ Condition: 'No' }, { Condition: 'Yes' }] }, true],
  ])('condition %j', (value, expected) => {
    expect(evaluateCondition(value, scope)).toBe(expected);
  });

  it('leaves open what hangs on a resource that is not there yet', () => {
    expect(evaluate({ 'Fn::Sub': 'x-${Later}' }, scope)).toBeInstanceOf(Unresolved);
    expect(evaluate({ 'Fn::Join': ['-', ['a', { Ref: 'Later' }]] }, scope)).toBeInstanceOf(Unresolved);
  });

  it('finds what a value mentions, in the branch that counts', () => {
    const value = { 'Fn::If': ['Yes', { 'Fn::Sub': '${A}-${B.Arn}-${!C}' }, { Ref: 'D' }] };
    const names = (found: ReturnType<typeof mentions>) => found.map(({ name }) => name);
    expect(names(mentions(value, (name) => name === 'Yes'))).toEqual(['Yes', 'A', 'B']);
    expect(names(mentions(value))).toEqual(['Yes', 'A', 'B', 'D']);
  });
});

describe('the resource specification', () => {
  it('gives text from parameters the type that a property has', () => {
    const { properties, problems } = conform('AWS::RDS::DBInstance', {
      AllocatedStorage: 20,
      BackupRetentionPeriod: '35',
      MultiAZ: 'false',
      StorageEncrypted: true,
    });
    expect(problems).toEqual([]);
    expect(properties).toEqual({
      AllocatedStorage: '20',
      BackupRetentionPeriod: 35,
      MultiAZ: false,
      StorageEncrypted: true,
    });
  });

  it.each([
    ['AWS::RDS::DBInstance', 'StorageEncrypted', false, true, 'Always'],
    ['AWS::RDS::DBInstance', 'DeletionProtection', true, false, 'Never'],
    ['AWS::EC2::VPC', 'InstanceTenancy', 'default', 'dedicated', 'Conditionally'],
    ['AWS::ECS::TaskDefinition', 'ContainerDefinitions', [{ Name: 'a' }], [{ Name: 'b' }], 'Always'],
    ['AWS::KMS::Key', 'Description', 'a', 'a', 'Never'],
  ])('knows what a change of %s.%s does', (type, property, before, after, expected) => {
    expect(recreationOf(type, property, before, after)).toBe(expected);
  });
});
