#ifndef CSUPERV_H
#define CSUPERV_H
#endif
