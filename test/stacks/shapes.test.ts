import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesise } from '../../stacks/release/synthesis.ts';
import { parameterOfSetting } from '../../tenant-template/settings.ts';
import { parametersForShape, type ShapeParameters } from '../../tenant-template/shapes.ts';
import type { Template } from './template.ts';

/** "Task CPU and memory" (Amazon ECS Developer Guide): CPU units → least and most MiB. */
const fargate: Readonly<Record<string, readonly [number, number]>> = {
  256: [512, 2_048],
  512: [1_024, 4_096],
  1024: [2_048, 8_192],
};

const { templates } = synthesise();
const declared = Object.assign(
  {},
  ...(['foundation', 'data', 'service'] as const).map(
    (component) => (JSON.parse(templates[component].body) as Template).Parameters,
  ),
) as Template['Parameters'];

test.each(['solo', 'group', 'enterprise'])(
  "the templates accept every parameter of the shape '%s'",
  (shape) => {
    const parameters = parametersForShape(shape);
    for (const [name, value] of Object.entries(parameters)) {
      const declaration = declared[name];
      expect(declaration).toBeDefined();
      if (declaration?.AllowedPattern !== undefined)
        expect(value).toMatch(new RegExp(declaration.AllowedPattern));
      if (declaration?.AllowedValues !== undefined) expect(declaration.AllowedValues).toContain(value);
      if (declaration?.Type === 'Number') {
        expect(Number(value)).toBeGreaterThanOrEqual(declaration.MinValue ?? 0);
        expect(Number(value)).toBeLessThanOrEqual(declaration.MaxValue ?? Infinity);
      }
    }
    const [least, most] = fargate[parameters.TaskCpu] ?? [Number.NaN, Number.NaN];
    expect(Number(parameters.TaskMemoryMib)).toBeGreaterThanOrEqual(least);
    expect(Number(parameters.TaskMemoryMib)).toBeLessThanOrEqual(most);
  },
);

test('docs/silo.md says what each shape is and what a practice may set', () => {
  const shapes = ['solo', 'group', 'enterprise'].map((shape) => parametersForShape(shape));
  const document = readFileSync(join(__dirname, '..', '..', 'docs', 'silo.md'), 'utf8');
  for (const name of Object.keys(shapes[0] ?? {}) as Array<keyof ShapeParameters>) {
    const row = `| \`${name}\` | ${shapes.map((shape) => shape[name]).join(' | ')} | `;
    const setting = Object.entries(parameterOfSetting).find(([, parameter]) => parameter === name)?.[0];
    expect(document).toContain(row + (setting === undefined ? '– |' : `\`${setting}\`: `));
  }
});

test('a shape that nobody knows is named, with those that exist', () => {
  expect(() => parametersForShape('huge')).toThrow(
    'There is no silo shape "huge". The shapes are solo, group, enterprise.',
  );
});
