/** True in `npm run dev` and in the browser tests' build: the mock may be used. */
declare const __MOCK__: boolean;
