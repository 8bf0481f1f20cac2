// What this kernel has, asked by trying it. For `superv doctor`.
#ifndef CSV_FEATURES_H
#define CSV_FEATURES_H

int csv_has_no_new_privileges(void); // of this process
int csv_has_subreapers(void);
int csv_probe_pidfd(void); // 0: none; 1: to wait for; 2: with the status of what others have reaped

#endif
