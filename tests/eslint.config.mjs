/** The rules for the JavaScript of the figures; `tools/lint_js.py` runs them. */

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
  { files: ["engine/*_mistake_*.js"], rules: { "no-unused-vars": "off" } }, // wrong on purpose: what is right is not used
  { rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_" }] }, ignores: ["engine/*_mistake_*.js"] },
  // the numbers of a network need no page
  { files: ["engine/**"], languageOptions: { globals: Object.fromEntries(Object.keys(globals.browser).map((name) => [name, "off"])) } },
];
