import type { ComponentProps } from "react";

interface Shown extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  value: string;
  onChange: (value: string) => void;
}

/** A checkbox for an option without a value; its text is "true" or empty. */
export function Flag({ value, onChange, ...shared }: Shown) {
  return (
    <input
      {...shared}
      type="checkbox"
      checked={value === "true"}
      onChange={(change) => onChange(change.target.checked ? "true" : "")}
    />
  );
}
