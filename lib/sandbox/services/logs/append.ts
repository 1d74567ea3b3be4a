/** The way in for other services of the sandbox: ECS writes what a container prints. */
import { appendEvents, findGroup, makeStream, type Owner, streamKey, streamTable } from './records.ts';

/**
 * Appends one line to a stream, which is made if it is not there. The newest 10,000 lines of a stream are kept.
 * @throws AwsError ResourceNotFoundException when the log group does not exist: a task that logs there cannot start.
 */
export function appendLogLine(owner: Owner, groupName: string, streamName: string, line: string): void {
  const group = findGroup(owner, groupName);
  const stream =
    streamTable(owner).get(streamKey(owner, groupName, streamName)) ?? makeStream(owner, group, streamName);
  appendEvents(owner, stream, [{ timestamp: owner.cloud.now().getTime(), message: line }]);
}
