/** Modules and not files, because the image is one bundle (docs/decisions/0004). */
export const STYLESHEET = `
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 0 1rem 3rem; }
header { border-bottom: 1px solid; display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: baseline; padding: .75rem 0; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 1rem; list-style: none; margin: 0; padding: 0; }
header form { margin-left: auto; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
label { display: block; font-weight: 600; margin-top: .75rem; }
input, select, textarea, button { box-sizing: border-box; font: inherit; max-width: 100%; padding: .4rem .6rem; }
input, textarea { width: 26rem; }
textarea { min-height: 7rem; width: 40rem; }
button { margin-top: .75rem; }
header button, td button { margin-top: 0; }
td form { display: inline-block; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; }
th, td { border-bottom: 1px solid; padding: .4rem .6rem; text-align: left; vertical-align: top; }
.scroll { overflow-x: auto; }
.problem { border-left: .4rem solid #b00020; padding: .5rem 1rem; }
.hint { margin: 0; }
.qr { background: #fff; width: 14rem; }
.codes { columns: 2; font: 1.1rem/1.8 ui-monospace, monospace; max-width: 30rem; }
article { border-top: 1px solid; padding: .5rem 0; }
article p.text { white-space: pre-wrap; }
:focus-visible { outline: .2rem solid #1a73e8; outline-offset: .1rem; }
`;

/** The token is in the fragment, which a browser sends nowhere: this moves it into the form and out of the history. */
export const INVITATION_SCRIPT = `'use strict';
const field = document.getElementById('token');
const token = location.hash.slice(1);
if (field !== null && token !== '') {
  field.value = token;
  history.replaceState(null, '', location.pathname);
}
`;
