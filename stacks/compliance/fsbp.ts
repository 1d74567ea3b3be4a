import { appControls } from './app-controls.ts';
import type { Control, Properties, Subject } from './control.ts';
import { databaseControls } from './database-controls.ts';
import { networkControls } from './network-controls.ts';
import { storageControls } from './storage-controls.ts';

/**
 * The rules of "AWS Foundational Security Best Practices" (AWS Security Hub User Guide) that concern a resource type of a silo, and some
 * of Security Hub's NIST SP 800-53 standard. Security Hub judges what runs; this judges what will run, before it does.
 */
export const controls: readonly Control[] = [
  ...networkControls,
  ...databaseControls,
  ...storageControls,
  ...appControls,
];

interface ControlFinding {
  readonly control: Control;
  /** `<template>/<logical id>` */
  readonly resource: string;
  readonly problem: string;
}

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: Properties }>>;
}

/** Judges templates, by name, as they are shipped. */
export function judgeTemplates(templates: Readonly<Record<string, Template>>): ControlFinding[] {
  return Object.entries(templates).flatMap(([name, template]) =>
    subjectsOf(template).flatMap((subject) =>
      controls.flatMap((control) => {
        if (!('judge' in control) || !control.types.includes(subject.type)) return [];
        const problem = control.judge(subject);
        return problem === undefined ? [] : [{ control, resource: `${name}/${subject.id}`, problem }];
      }),
    ),
  );
}

function subjectsOf({ Resources }: Template): readonly Subject[] {
  const beside: Subject[] = [];
  for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(Resources))
    beside.push({ id, type, properties, beside });
  return beside;
}
