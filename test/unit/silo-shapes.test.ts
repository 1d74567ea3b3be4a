import { siloShapes } from '../../bin/silo-shapes.ts';
import { shapes } from '../../lib/domain/practice.ts';

test.each(shapes)('what a practice of shape %s may set is what reaches its stacks', (shape) => {
  const settings = siloShapes.parseSettings(shape, { sessionTimeoutMinutes: 20 });
  expect(settings).toEqual({ sessionTimeoutMinutes: 20 });
  expect(siloShapes.parametersForShape(shape, settings)).toEqual({
    ...siloShapes.parametersForShape(shape),
    SessionTimeoutMinutes: '20',
  });
  const defaults = siloShapes.describeSettings(shape).map((each) => [each.name, each.default]);
  expect(siloShapes.parametersForShape(shape, Object.fromEntries(defaults))).toEqual(
    siloShapes.parametersForShape(shape),
  );
});

test('settings that a later plan no longer allows stop a deployment with the reason', () => {
  expect(() => siloShapes.parametersForShape('enterprise', { instanceClass: 'db.t4g.micro' })).toThrow(
    expect.objectContaining({
      code: 'configuration',
      message: expect.stringContaining('instanceClass is one of'),
    }),
  );
});
