"""What the words mean that gradlab prints: one definition each, for `gradlab explain`, the pages' tips and docs/glossary.md."""
