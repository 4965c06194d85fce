// What can go wrong when the box is asked.
import { sentence } from "./words";

/** Faults in the words of who sits here, where the box says them in those of programs. */
const WORDS: [RegExp, string][] = [
  [/^q: expected one of the filters .*, not `([\w-]+:)([^`]*)`.*$/s, 'there is no filter $1. To search it as text write "$1$2".'],
  [/^(data\.case_id: )?expected the id of a known case$/, "no case has this number. Choose one from the list."],
  [/^(data\.[\w.[\]]+|q|query): /, ""],
];

function inWords(message: string): string {
  const [form, words] = WORDS.find(([form]) => form.test(message)) ?? [/$^/, ""];
  return sentence(message.replace(form, words));
}

/** What the box refused, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly errors: { code: string; message: string }[],
    readonly requestId = "",
  ) {
    super(errors.map((error) => inWords(error.message)).join(" "));
  }

  get code() {
    return this.errors[0]?.code ?? "";
  }

  /** The faults by the field that they name; what names none stands under the empty one. */
  faults(): Map<string, string> {
    const faults = new Map<string, string>();
    for (const { message } of this.errors) {
      const [, field = "", missing, why = message] = /^data\.([\w.[\]]+)( is missing)?: (.*)$/s.exec(message) ?? [];
      const said = missing ? "This is needed." : inWords(why);
      faults.set(field, [faults.get(field), said].filter(Boolean).join(" "));
    }
    return faults;
  }
}

export function refusal(status: number, told: any) {
  const errors = told?.errors ?? [{ code: "", message: `the box answered ${status}` }];
  return new Refused(status, errors, told?.meta?.request_id);
}

/** The box could not be reached. */
export class Unreached extends Error {
  constructor() {
    super("The box can’t be reached.");
  }
}
