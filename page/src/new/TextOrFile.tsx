import { useRef, useState } from "react";
import { bytes } from "../model/display";
import { texts } from "../texts";
import { LONGEST_TEXT, type Given } from "./draft";

interface Shown {
  label: string;
  helpId: string;
  rows: number;
  placeholder: string;
  given: Given;
  isWrong: boolean;
  onChange: (given: Given) => void;
  /** Returns a file with a long pasted text. */
  kept?: (pasted: string) => string;
}

/** A text field that a dropped file or a very long pasted text replaces. */
export function TextOrFile({ label, helpId, rows, placeholder, given, isWrong, onChange, kept }: Shown) {
  const [isOver, setIsOver] = useState(false);
  const paste = (event: React.ClipboardEvent) => {
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length <= LONGEST_TEXT) return;
    event.preventDefault();
    onChange(ofFile(new Blob([kept?.(pasted) ?? pasted]), texts.new.pasted));
  };
  const drop = (event: React.DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) onChange(ofFile(file, file.name));
  };
  return (
    <div
      className={isOver ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      {given.file === null ? (
        <textarea
          aria-label={label}
          aria-describedby={helpId}
          aria-invalid={isWrong}
          className="code"
          rows={rows}
          spellCheck={false}
          autoComplete="off"
          placeholder={placeholder}
          value={given.text}
          onPaste={paste}
          onChange={(change) => onChange({ text: change.target.value, file: null })}
        />
      ) : (
        <p className="file">
          <span>{texts.new.fileOf(given.file.name, bytes(given.file.content.size))}</span>
          <button type="button" onClick={() => onChange({ text: "", file: null })}>
            {texts.new.clear}
          </button>
        </p>
      )}
    </div>
  );
}

export function ofFile(content: Blob, name: string): Given {
  return { text: "", file: { name, content } };
}

export function ChooseFile({ name, onChange }: { name?: string; onChange: (given: Given) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const label = name === undefined ? texts.new.choose : texts.new.chooseFor(name);
  return (
    <>
      <button
        type="button"
        className={name === undefined ? "" : "small"}
        aria-label={label}
        onClick={() => input.current?.click()}
      >
        {texts.new.choose}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={label}
        onChange={(change) => {
          const file = change.target.files?.[0];
          if (file !== undefined) onChange(ofFile(file, file.name));
          change.target.value = "";
        }}
      />
    </>
  );
}
