import type { State } from './model.ts';

interface ImageRecord {
  readonly repository: string;
  readonly digest: string;
}

const imagesOf = (state: State) => state.table<ImageRecord>('images');
const keyOf = (image: ImageRecord) => `${image.repository}@${image.digest}`;

/** Notes an image that was pushed, so that a sandbox that only records can tell known images from unknown ones. */
export function recordImage(state: State, image: ImageRecord): void {
  imagesOf(state).put(keyOf(image), image);
}

/** Whether somebody pushed this image; `digest` is `sha256:<hex>`. */
export function isRecordedImage(state: State, image: ImageRecord): boolean {
  return imagesOf(state).get(keyOf(image)) !== undefined;
}
