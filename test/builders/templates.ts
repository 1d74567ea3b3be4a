import type { Release } from '../../lib/domain/release.ts';
import { synthesise } from '../../stacks/release/synthesis.ts';

/** The templates of the product, as a release ships them. */
export function shippedTemplates(): Release['templates'] {
  const { templates } = synthesise();
  return {
    foundation: templates.foundation.body,
    data: templates.data.body,
    service: templates.service.body,
  };
}
