/* A program of work.c and one peer that a C compiler links. */
int work(int argc, char **argv);

int main(int argc, char **argv) { return work(argc, argv); }
