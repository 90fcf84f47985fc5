// Which picture stands for a file: by its name's ending.
import type { IconName } from "../components/icons";

const BY_ENDING: Record<string, IconName> = {};
const ENDINGS: [IconName, string][] = [
  ["film", "mkv mp4 mov avi webm m4v mpg mpeg wmv ogv ts"],
  ["audio", "mp3 flac wav ogg opus m4a aac wma aiff mid"],
  ["image", "png jpg jpeg gif webp avif svg heic tif tiff bmp raw dng psd ico"],
  ["archive", "zip tar gz xz bz2 zst 7z rar iso img dmg deb rpm jar car tgz"],
  ["doc", "pdf txt md doc docx odt rtf tex epub csv xls xlsx ods ppt pptx odp html htm json xml log"],
];
for (const [icon, endings] of ENDINGS) for (const ending of endings.split(" ")) BY_ENDING[ending] = icon;

export function fileIcon(name: string): IconName {
  return BY_ENDING[ending(name)] ?? "file";
}

export function itemIcon(item: { name: string; folder: boolean }): IconName {
  return item.folder ? "folder" : fileIcon(item.name);
}

/** In lower case, without its dot; "" when there is none. */
export function ending(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}
