import {
  GetResourcesCommand,
  type ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import type { TaggedResource } from '../domain/orphans.ts';
import type { TaggedResources } from '../ports/tagged-resources.ts';
import { call } from './clients.ts';

/** The most that GetResources answers with at once. */
const pageSize = 100;

/** The port by the Resource Groups Tagging API. */
export function taggedResources(client: ResourceGroupsTaggingAPIClient): TaggedResources {
  return {
    ofPractices: async (signal) => {
      const found: TaggedResource[] = [];
      let PaginationToken: string | undefined;
      do {
        const input = {
          TagFilters: [{ Key: 'lumenality:practice' }],
          ResourcesPerPage: pageSize,
          ...(PaginationToken === undefined ? {} : { PaginationToken }),
        };
        const page = await call('tagging', 'GetResources', signal, (options) =>
          client.send(new GetResourcesCommand(input), options),
        );
        for (const { ResourceARN, Tags = [] } of page.ResourceTagMappingList ?? []) {
          if (ResourceARN === undefined) continue;
          found.push({
            arn: ResourceARN,
            tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
          });
        }
        // An empty one is the last ("GetResources").
        PaginationToken = page.PaginationToken === '' ? undefined : page.PaginationToken;
      } while (PaginationToken !== undefined);
      return found;
    },
  };
}
