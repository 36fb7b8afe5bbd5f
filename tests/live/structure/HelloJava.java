package examples;

/** Says hello. */
public final class HelloJava {
    public static void main(String[] arguments) {
        System.out.println("Hello world");
    }
}
