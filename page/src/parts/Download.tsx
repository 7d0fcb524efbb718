import type { ReactNode } from "react";
import { complain } from "./actions";
import { download, needsToken } from "./saving";

interface Shown {
  address: string;
  className?: string;
  children: ReactNode;
}

/** A download link. If a token is needed, which links don't send, the page reads the file itself. */
export function Download({ address, className, children }: Shown) {
  const read = (event: React.MouseEvent) => {
    if (!needsToken()) return;
    event.preventDefault();
    void download(address).catch(complain);
  };
  return (
    <a href={address} download className={className} onClick={read}>
      {children}
    </a>
  );
}
