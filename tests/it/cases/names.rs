//! Names and links as people have them: long, not UTF-8, with question marks, `..`, wrapped in punctuation.
