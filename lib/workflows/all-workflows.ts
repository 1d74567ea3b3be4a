import type { Workflow } from '../domain/run.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { deprovisionPractice, deprovisionSteps } from './deprovision-practice.ts';
import { keepKey, keepKeySteps } from './keep-key.ts';
import type { LifeCycleParts } from './life-cycle-parts.ts';
import { offboardPractice, offboardSteps } from './offboard-practice.ts';
import { provisioningSteps, provisionPractice } from './provision-practice.ts';
import { purgePractice, purgeSteps } from './purge-practice.ts';
import { resumePractice, resumeSteps } from './resume-practice.ts';
import { rollBackPractice, rollBackSteps } from './roll-back-practice.ts';
import { shredPractice, shredSteps } from './shred-practice.ts';
import { suspendPractice, suspendSteps } from './suspend-practice.ts';
import { updatePractice, updateSteps } from './update-practice.ts';

/** Names of each workflow's steps, in order: the journal of a new run. */
export const workflowSteps: Readonly<Record<Workflow, readonly string[]>> = {
  'provision-practice': provisioningSteps,
  'update-practice': updateSteps,
  'roll-back-practice': rollBackSteps,
  'suspend-practice': suspendSteps,
  'resume-practice': resumeSteps,
  'offboard-practice': offboardSteps,
  'deprovision-practice': deprovisionSteps,
  'shred-practice': shredSteps,
  'keep-key': keepKeySteps,
  'purge-practice': purgeSteps,
};

/** Every workflow, for practices of the cell whose ports it is given. */
export const workflowDefinitions: Readonly<Record<Workflow, (parts: LifeCycleParts) => WorkflowDefinition>> =
  {
    'provision-practice': provisionPractice,
    'update-practice': updatePractice,
    'roll-back-practice': rollBackPractice,
    'suspend-practice': suspendPractice,
    'resume-practice': resumePractice,
    'offboard-practice': offboardPractice,
    'deprovision-practice': deprovisionPractice,
    'shred-practice': shredPractice,
    'keep-key': keepKey,
    'purge-practice': purgePractice,
  };
