import {
  approveWaiting,
  askInVain,
  change,
  dayOf,
  enrol,
  keep,
  post,
  raise,
  resume,
  type Stage,
  suspend,
  transfer,
} from './demo-plans-acts.ts';
import { cliniciansOf, mailboxOf } from './demo-plans-members.ts';

/** Something that people do on a day of the story, counted from its first one. */
export interface Scene {
  readonly day: number;
  /** What is told of it; the many that are alike are not. */
  readonly words?: string;
  readonly play: (stage: Stage) => Promise<unknown>;
}

/** Three years of 365, 365 and 366 days. */
export const lastDay = 1_096;

/** Places of the plan `founding`. */
const cap = 100;
const cohort = 10;
const daysBetweenCohorts = 9;
/** The practice of a number signs up, is approved and active on this day. */
const enrolledOn = (index: number): number => Math.floor(index / cohort) * daysBetweenCohorts;

/** By number of the practice, so that reports can look at whom something happened to. */
export const people = {
  trialExtended: 3,
  hasLeft: 5,
  lockExtended: 8,
  changesPlan: 9,
  acquired: 12,
  paysLate: 13,
  suspended: 14,
  unreachable: 15,
  keepsAfterAll: 85,
  changesPlanInTrial: 89,
  waits: 100,
  takesOffer: 101,
} as const;

/** Who leaves, and on which day they say so. */
const leaving: Readonly<Record<number, number>> = {
  [people.hasLeft]: 300,
  25: 420,
  35: 560,
  45: 700,
  55: 860,
  65: 1_000,
  6: 940,
  16: 950,
  26: 960,
};
const leavesInTrial = 75;
const leavesAtOnce = 95;
const isLeaving = (index: number): boolean =>
  index in leaving || index === leavesInTrial || index === leavesAtOnce;

/** All that happens, in the order of its days. */
export const story: readonly Scene[] = [
  ...enrolments(),
  ...places(),
  ...prices(),
  ...promises(),
  ...payments(),
  ...ends(),
  ...quantities(),
].toSorted((one, other) => one.day - other.day);

function enrolments(): Scene[] {
  return Array.from({ length: cap / cohort }, (_, place) => {
    const indexes = Array.from({ length: cohort }, (_none, offset) => place * cohort + offset);
    const [first = 0] = indexes;
    return {
      day: enrolledOn(first),
      words: `practices ${first + 1} to ${first + cohort} sign up, are approved and provisioned`,
      play: (stage) => enrol(stage, indexes),
    };
  });
}

function places(): Scene[] {
  const { waits, takesOffer } = people;
  return [
    {
      day: 84,
      words: 'two more sign up: founding is full, they wait as numbers 1 and 2',
      play: async (stage) => {
        await askInVain(stage, waits);
        await askInVain(stage, takesOffer);
      },
    },
    {
      day: 85,
      words: 'number 2 takes the offer of the standard plan',
      play: (stage) => approveWaiting(stage, 1, takesOffer, { plan: 'standard' }),
    },
    {
      day: 92,
      words: 'a place has come free: number 1 of the waiting list gets it',
      play: (stage) => approveWaiting(stage, 0, waits),
    },
  ];
}

function prices(): Scene[] {
  const raised = (
    day: number,
    plan: string,
    [base, perClinician, perLocation]: readonly [number, number, number],
  ): Scene => ({
    day,
    words: `a new version of ${plan} is published, with higher rates`,
    play: (stage) => raise(stage, plan, { base, perClinician, perLocation }, dayOf(stage, day + 10)),
  });
  return [
    raised(190, 'founding', [15_900, 3_100, 2_100]),
    raised(380, 'standard', [25_900, 4_100, 3_100]),
    raised(560, 'founding', [18_900, 3_300, 2_200]),
  ];
}

function promises(): Scene[] {
  const { trialExtended, lockExtended, changesPlan, changesPlanInTrial, unreachable } = people;
  const mailbox = mailboxOf(unreachable);
  return [
    {
      day: 40,
      words: 'the trial of practice 4 is made 14 days longer',
      play: (stage) => change(stage, trialExtended, 'trial-extension', { days: 14 }),
    },
    {
      day: 102,
      words: 'practice 90 changes to standard in its trial, and gives its lock up',
      play: (stage) => change(stage, changesPlanInTrial, 'plan', { plan: 'standard', givesUpLock: true }),
    },
    {
      day: 300,
      words: 'practice 10 changes to standard, and gives its lock up',
      play: (stage) => change(stage, changesPlan, 'plan', { plan: 'standard', givesUpLock: true }),
    },
    {
      day: 350,
      words: 'practice 13 is acquired: a second person approves',
      play: (stage) => transfer(stage, people.acquired),
    },
    {
      day: 700,
      words: 'the lock of practice 9 is made 12 months longer: a second person approves',
      play: (stage) => change(stage, lockExtended, 'lock-extension', { months: 12 }),
    },
    {
      day: 745,
      words:
        'the mailbox of practice 16 takes no mail for six weeks, so that its new price cannot be told in time',
      play: async ({ controlPlane }) => controlPlane.deadMailboxes.add(mailbox),
    },
    { day: 787, play: async ({ controlPlane }) => controlPlane.deadMailboxes.delete(mailbox) },
  ];
}

/** Most payments are not noted here: they are none of the story's. */
function payments(): Scene[] {
  const { paysLate, suspended } = people;
  const scenes: Scene[] = [
    {
      day: 400,
      words: 'a payment of practice 14 is overdue',
      play: (stage) => change(stage, paysLate, 'past-due'),
    },
    {
      day: 410,
      words: 'practice 14 pays',
      play: async (stage) => {
        await post(stage, paysLate, 'payments', 40_000);
        await change(stage, paysLate, 'settlement');
      },
    },
    {
      day: 420,
      words: 'a payment of practice 15 is overdue',
      play: (stage) => change(stage, suspended, 'past-due'),
    },
    { day: 436, words: 'practice 15 is suspended by a person', play: (stage) => suspend(stage, suspended) },
    {
      day: 450,
      words: 'practice 15 is resumed, and pays two days later',
      play: (stage) => resume(stage, suspended),
    },
    {
      day: 452,
      play: async (stage) => {
        await post(stage, suspended, 'payments', 40_000);
        await change(stage, suspended, 'settlement');
      },
    },
    {
      day: 500,
      words: 'credits and an adjustment; one takes a second person, one is for a practice that has left',
      play: corrections,
    },
  ];
  const paid = Array.from({ length: 30 }, (_, place): Scene => {
    const index = (place * 3 + 1) % cap;
    return {
      day: 200 + place * 28,
      play: async (stage) => (isLeaving(index) ? undefined : post(stage, index, 'payments', 45_000)),
    };
  });
  return [...scenes, ...paid];
}

async function corrections(stage: Stage): Promise<void> {
  await post(stage, 20, 'credits', 5_000);
  await post(stage, 21, 'adjustments', -1_000);
  await post(stage, 22, 'credits', 60_000);
  await post(stage, people.hasLeft, 'credits', 2_500);
}

function ends(): Scene[] {
  const { keepsAfterAll } = people;
  return [
    ...Object.entries(leaving).map(
      ([index, day]): Scene => ({
        day,
        words: `practice ${Number(index) + 1} cancels, with notice`,
        play: (stage) => change(stage, Number(index), 'cancellation'),
      }),
    ),
    {
      day: 88,
      words: 'practice 76 cancels in its trial, and pays nothing',
      play: (stage) => change(stage, leavesInTrial, 'cancellation', { from: dayOf(stage, 90) }),
    },
    {
      day: 500,
      words: 'practice 86 cancels, and takes it back ten days later',
      play: (stage) => change(stage, keepsAfterAll, 'cancellation'),
    },
    { day: 510, play: (stage) => keep(stage, keepsAfterAll) },
    {
      day: 640,
      words: 'practice 96 cancels, and its notice is waived',
      play: (stage) =>
        change(stage, leavesAtOnce, 'cancellation', { from: dayOf(stage, 645), waiveNotice: true }),
    },
  ];
}

/** Every third practice that stays changes its number of clinicians eight times, every twelfth its number of locations. */
function quantities(): Scene[] {
  const staying = Array.from({ length: cap }, (_, index) => index).filter((index) => !isLeaving(index));
  return [
    ...staying.filter((index) => index % 3 === 0).flatMap((index) => newClinicians(index)),
    ...staying
      .filter((index) => index % 12 === 0)
      .map(
        (index): Scene => ({
          day: enrolledOn(index) + 200,
          play: (stage) => change(stage, index, 'quantities', { locations: 3 }),
        }),
      ),
  ];
}

function newClinicians(index: number): Scene[] {
  return Array.from({ length: 8 }, (_, place) => {
    const turn = place + 1;
    const day = enrolledOn(index) + 60 + turn * (100 + (index % 13));
    const clinicians = 1 + ((cliniciansOf(index) + turn * (1 + (index % 4))) % 12);
    // Now and then it is known before.
    const from = day + (turn % 3 === 0 ? 20 : 0);
    return {
      day,
      play: (stage) => change(stage, index, 'quantities', { clinicians, from: dayOf(stage, from) }),
    };
  });
}
