/** The awslogs log driver: a container's lines become events of one CloudWatch Logs stream. */
import type { ContainerDefinition, Task } from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';

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
  // The driver drops what CloudWatch Logs does not take (a deleted group, a disabled key), because the app must not
  // stop; who runs the sandbox is told.
  const lost = (count: number, error: unknown) => {
    const reason = error instanceof AwsError ? `${error.code}: ${error.message}` : String(error);
    call.cloud.log(
      `awslogs: ${count} log events for ${stream.logGroupName} ${stream.logStreamName} were dropped: ${reason}`,
    );
  };
  const flush = async () => {
    while (waiting.length > 0) {
      const logEvents = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      await call.cloud
        .invoke('logs', 'PutLogEvents', { ...stream, logEvents }, call)
        .catch((error: unknown) => lost(logEvents.length, error));
    }
    flushing = false;
  };
  return (line) => {
    // CloudWatch Logs takes no empty messages.
    waiting.push({ timestamp: call.cloud.now().getTime(), message: line === '' ? ' ' : line });
    if (flushing) return;
    flushing = true;
    // Lines of one burst travel together, and none waits so long that the end of the sandbox would lose it.
    setImmediate(() => void flush());
  };
}
