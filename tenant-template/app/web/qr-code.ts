import makeQrCode from 'qrcode-generator';
import { Html } from './html.ts';

/** An `svg` element: drawn here, so that the secret in it goes to no service and into no file. */
export function qrCode(text: string): Html {
  const picture = makeQrCode(0, 'M');
  picture.addData(text);
  picture.make();
  return new Html(picture.createSvgTag({ scalable: true, margin: 8 }));
}
