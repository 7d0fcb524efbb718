/** Fields whose value is in the URL; while a field has the focus, it keeps the typed text. */
import { useState } from "react";

type Passed = Omit<React.ComponentProps<"input">, "value" | "defaultValue" | "onChange" | "onBlur">;

interface Typed extends Passed {
  value: string;
  /** Called with each change. */
  onType: (value: string) => void;
}

export function TypedInput({ value, onType, ...passed }: Typed) {
  const [written, setWritten] = useState<string | null>(null);
  return (
    <input
      {...passed}
      value={written ?? value}
      onChange={(event) => {
        setWritten(event.target.value);
        onType(event.target.value);
      }}
      onBlur={() => setWritten(null)}
    />
  );
}

interface TypedNumber extends Omit<Passed, "min" | "max"> {
  value: number | undefined;
  min: number;
  max?: number;
  /** Called with each number within the bounds, and with undefined when the field is empty. */
  onNumber: (value: number | undefined) => void;
}

export function NumberInput({ value, min, max = Number.MAX_VALUE, onNumber, ...passed }: TypedNumber) {
  const type = (text: string) => {
    const number = Number(text);
    if (text.trim() === "") onNumber(undefined);
    else if (number >= min && number <= max) onNumber(number);
  };
  return (
    <TypedInput
      type="text"
      inputMode="decimal"
      {...passed}
      {...(passed.type === "number" ? { min, max } : {})}
      value={value === undefined ? "" : String(value)}
      onType={type}
    />
  );
}
