import { serviceChecks } from './service-checks.ts';
import { type Check, check, listed, safeguards } from './silo-check.ts';
import type { ListenerRuleFacts } from './silo-facts.ts';

const closedAnswer = 'fixed-response 503';
const nothingForwarded = 'nothing is forwarded';

/**
 * Ways by which a request still gets past the listener: rules that answer otherwise than with 503, or say nothing themselves, and that
 * no rule before them has closed. The HTTPS listener's own default answers 404 and leads nowhere.
 */
function waysIn(rules: readonly ListenerRuleFacts[]): string[] {
  const closed = new Set<string>();
  const open: string[] = [];
  for (const { priority, hosts, narrower, actions } of rules) {
    const closes = actions.length === 1 && actions[0] === closedAnswer;
    if (closes && !narrower) {
      // A rule for every host leaves nothing to those behind it.
      if (hosts.length === 0) break;
      for (const host of hosts) closed.add(host);
    }
    const leadsOn = actions.some((action) => !action.startsWith('fixed-response '));
    const isBehind = hosts.length > 0 && hosts.every((host) => closed.has(host));
    if (leadsOn && !isBehind)
      open.push(
        `rule ${priority} for ${hosts.length === 0 ? 'any host' : hosts.join(' ')}: ${actions.join(' ')}`,
      );
  }
  return open;
}

/** Checks of an open service that hold for a closed one too, because they judge what would run. */
const alsoWhileClosed = ['task-hardened', 'task-image-by-digest', 'task-no-shell', 'app-behind-tls'];

/** What is true of the app of a practice whose access is closed. Everything that the silo keeps is judged as ever. */
export const closedChecks: readonly Check[] = [
  check({
    id: 'closed-address',
    title: 'Whoever asks for the practice’s address is told that it is closed',
    safeguards: safeguards.access,
    source: 'GET / through the load balancer',
    fact: 'address',
    expected: () => 'status 503',
    observed: ({ status }) => `status ${status}`,
  }),
  check({
    id: 'closed-entrance',
    title: 'The load balancer hands no request on to the app, by whatever host name',
    safeguards: safeguards.access,
    source: 'elasticloadbalancing:DescribeRules',
    fact: 'rules',
    expected: () => nothingForwarded,
    observed: (rules) => {
      const ways = waysIn(rules);
      return ways.length === 0 ? nothingForwarded : listed(ways);
    },
  }),
  check({
    id: 'closed-service',
    title: 'The app is to run no task, and runs none',
    safeguards: safeguards.access,
    source: 'ecs:DescribeServices',
    fact: 'service',
    expected: () => 'ACTIVE, 0 desired, 0 running, 0 pending',
    observed: ({ status, desired, running, pending }) =>
      `${status}, ${desired} desired, ${running} running, ${pending} pending`,
  }),
  check({
    id: 'closed-tasks',
    title: 'No task of the app is left',
    safeguards: safeguards.access,
    source: 'ecs:ListTasks, ecs:DescribeTasks',
    fact: 'tasks',
    expected: () => 'none',
    observed: (tasks) =>
      listed(tasks.filter(({ lastStatus }) => lastStatus !== 'STOPPED').map(({ arn }) => arn)),
  }),
  ...serviceChecks.filter(({ id }) => alsoWhileClosed.includes(id)),
];
