import type { TaggedResource } from '../domain/orphans.ts';

/** What of a cell carries this control plane's tags. Errors are `DomainError`s as in `StackDeployments`. */
export interface TaggedResources {
  /**
   * tag:GetResources, all pages: every resource with the tag `lumenality:practice`, whoever made it. AWS leaves out types that the tagging API does not
   * know, and shows some for a while after they are gone ("Supported services", Resource Groups Tagging API Reference).
   */
  ofPractices(signal?: AbortSignal): Promise<TaggedResource[]>;
}
