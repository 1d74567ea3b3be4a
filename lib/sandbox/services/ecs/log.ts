/** The awslogs log driver: a container's lines become events of one CloudWatch Logs stream. */
import type { ContainerDefinition, Task } from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';

/** Lines of one burst travel together. */
const flushMs = 100;
/** "PutLogEvents": at most 10,000 events a call. */
const batchSize = 1000;

/**
 * Opens the stream `prefix/container/task id` and returns how to write a line to it.
 * Without a log configuration lines are dropped, as Fargate drops them.
 * @throws AwsError `ResourceInitializationError` when the log group is missing.
 */
export async function openTaskLog(
  container: ContainerDefinition | undefined,
  task: Task,
  call: Call,
): Promise<(line: string) => void> {
  const { logDriver, options = {} } = container?.logConfiguration ?? {};
  if (logDriver !== 'awslogs') return () => undefined;
  const logGroupName = options['awslogs-group'] ?? '';
  const taskId = (task.taskArn ?? '').split('/').at(-1);
  const logStreamName = `${options['awslogs-stream-prefix'] ?? 'ecs'}/${container?.name}/${taskId}`;
  const logs: Call = { ...call, region: options['awslogs-region'] ?? call.region };
  try {
    await call.cloud.invoke('logs', 'CreateLogStream', { logGroupName, logStreamName }, logs);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    // A task that is started again after a restart of the sandbox goes on in its stream.
    if (error.code !== 'ResourceAlreadyExistsException') {
      throw new AwsError(
        'ResourceInitializationError',
        `failed to validate logger args: The task cannot find the Amazon CloudWatch log group ${logGroupName} defined in the task definition: ${error.message}`,
      );
    }
  }
  return lineWriter({ logGroupName, logStreamName }, logs);
}

interface Stream {
  readonly logGroupName: string;
  readonly logStreamName: string;
}

function lineWriter(stream: Stream, call: Call): (line: string) => void {
  let waiting: Array<{ timestamp: number; message: string }> = [];
  let flushing = false;
  const flush = async () => {
    while (waiting.length > 0) {
      const logEvents = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      // The driver drops what CloudWatch Logs does not take (a deleted group, a disabled key); the app must not stop.
      await call.cloud.invoke('logs', 'PutLogEvents', { ...stream, logEvents }, call).catch(() => undefined);
    }
    flushing = false;
  };
  return (line) => {
    // CloudWatch Logs takes no empty messages.
    waiting.push({ timestamp: call.cloud.now().getTime(), message: line === '' ? ' ' : line });
    if (flushing) return;
    flushing = true;
    setTimeout(() => void flush(), flushMs).unref();
  };
}
