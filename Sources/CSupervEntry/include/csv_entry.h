// Linking this module is all: it runs by itself, before the first line of Swift. Only the program
// `superv` has it; a program that uses SupervAgent decides for itself what it needs.
#ifndef CSV_ENTRY_H
#define CSV_ENTRY_H
#endif
