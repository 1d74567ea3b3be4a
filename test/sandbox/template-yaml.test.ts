import { readYaml } from '../../lib/sandbox/cloudformation/template-yaml.ts';

test('a YAML template means what its JSON form means, short forms included', () => {
  const yaml = `
AWSTemplateFormatVersion: 2010-09-09
Conditions:
  Big: !Not [!Equals [!Ref Size, small]]
Resources:
  Key:
    Type: AWS::KMS::Key
    Condition: Big
    Properties:
      Enabled: yes
      PendingWindowInDays: 30
      Description: !Sub
        - \${Name} of \${AWS::StackName}
        - Name: !Join [ '-', [ key, !Select [ 0, !GetAZs '' ] ] ]
Outputs:
  Arn:
    Condition: Big
    Value: !GetAtt Key.Arn
  Nested:
    Value: !GetAtt Nested.Outputs.Arn
`;
  expect(readYaml(yaml)).toEqual({
    AWSTemplateFormatVersion: '2010-09-09',
    Conditions: { Big: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Size' }, 'small'] }] } },
    Resources: {
      Key: {
        Type: 'AWS::KMS::Key',
        Condition: 'Big',
        Properties: {
          Enabled: true,
          PendingWindowInDays: 30,
          Description: {
            'Fn::Sub': [
              '${Name} of ${AWS::StackName}',
              { Name: { 'Fn::Join': ['-', ['key', { 'Fn::Select': [0, { 'Fn::GetAZs': '' }] }]] } },
            ],
          },
        },
      },
    },
    Outputs: {
      Arn: { Condition: 'Big', Value: { 'Fn::GetAtt': ['Key', 'Arn'] } },
      Nested: { Value: { 'Fn::GetAtt': ['Nested', 'Outputs.Arn'] } },
    },
  });
});

test.each([
  ['an unknown tag', 'Resources: !Wrong x', /Unrecognized tag !Wrong/],
  ['an alias', 'A: &a {B: 1}\nC: *a', /aliases are not allowed/],
  ['broken indentation', 'A:\n  - b\n c: d', /line 3/],
  ['a key given twice', 'A: 1\nA: 2', /unique/],
])('%s is refused', (_what, yaml, message) => {
  expect(() => readYaml(yaml)).toThrow(message);
});
