package testdata;

import java.awt.GraphicsEnvironment;

/** Counts the fonts, for which Java loads its font manager and with it libharfbuzz. */
public final class CheckLibharfbuzz {
    public static void main(String[] arguments) {
        System.out.println(GraphicsEnvironment.getLocalGraphicsEnvironment().getAllFonts().length + " fonts available");
    }
}
